"""Where each cell of the fault matrix that concerns ingestion and exports is tested.

Rows are faults, columns what they hit. Renaming a test fails this.
"""

import pytest

from tests.bad_input.test_covered import names_in

SYNC, LISTINGS = "ingest/test_sync.py::", "ingest/test_listings.py::"
JOBS = "jobs/test_workers.py::"
EDGE, PARSING = "backends/test_qdrant_edge.py::", "ingest/test_parsing.py::"
DATABASES, DISK, ENGINES = (f"faults/test_{name}.py::" for name in ("databases", "disk", "engines"))
KILLS = "faults/test_kills.py::test_killed_syncs_lose_and_double_nothing"
BAD_DISK = DISK + "test_a_bad_disk_loses_and_doubles_nothing"
RESTART = DATABASES + "test_a_restart_costs_a_moment_and_no_document"
EXPORTS, EXPORTING = "faults/test_exports.py::", "learn/test_exporting.py::"
NO_DISK = EXPORTS + "test_143_a_disk_that_takes_nothing_leaves_nothing"
PARTIAL = SYNC + "test_a_listing_that_is_not_whole_deletes_nothing"

MATRIX: dict[str, dict[str, str]] = {
    "kill -9": {
        "sql": KILLS,
        "vector": EDGE + "test_calls_in_flight_survive_kill_9",
        "parser": PARSING + "test_what_may_succeed_later_is_a_failure_and_no_rejection",
        "worker": JOBS + "test_a_killed_worker_is_taken_over_from_at_once",
        "connector": "app/test_runs.py::test_what_a_killed_process_left_is_done_by_the_next_sync",
        "export": EXPORTS + "test_144_an_export_that_is_killed_anywhere_is_made_again",
    },
    "stopped": {
        "sql": JOBS + "test_a_sleeper_keeps_nothing_locked",
        "vector": ENGINES + "test_a_stopped_engine_is_no_silence",
        "parser": PARSING + "test_a_bad_document_is_rejected_and_the_pool_goes_on",
        "worker": JOBS + "test_a_woken_worker_changes_nothing",
        "connector": LISTINGS + "test_who_was_taken_over_from_sweeps_and_drops_nothing",
    },
    "no space": {
        "sql": BAD_DISK,
        "vector": EDGE + "test_a_full_disk_refuses_writes_and_goes_on_answering",
        "worker": BAD_DISK,
        "connector": BAD_DISK,
        "export": NO_DISK,
    },
    "fsync fails": {"sql": BAD_DISK, "vector": BAD_DISK, "export": NO_DISK},
    "limits": {
        "parser": PARSING + "test_a_parser_that_never_stops_computing_is_ended_by_the_kernel",
        "export": EXPORTING + "test_a_disk_that_fills_while_writing_leaves_nothing",
    },
    "sqlite locked": {
        "sql": DATABASES + "test_who_finds_it_held_waits_and_is_then_told_to_come_again",
        "worker": SYNC + "test_an_outage_of_ours_makes_no_dead_letters",
        "export": EXPORTS + "test_a_build_reads_on_while_somebody_else_writes",
    },
    "postgresql restarted": {
        **{"sql": RESTART, "worker": RESTART, "connector": RESTART},
        "export": DATABASES
        + "test_a_restart_amid_a_build_is_told_and_the_next_gives_the_same_bytes",
    },
    "tcp": {
        "vector": ENGINES + "test_a_broken_line_to_a_server_is_told_in_time",
        "connector": PARTIAL,
    },
    "http": {"connector": "test_egress.py::test_every_status_is_an_answer"},
    "wrong vectors": {
        "vector": SYNC + "test_one_document_the_engine_refuses_fails_alone",
        "worker": SYNC + "test_one_document_the_engine_refuses_fails_alone",
    },
    "clock": {
        "sql": DATABASES + "test_a_clock_that_is_wrong_takes_no_run_from_who_is_alive",
        "worker": DATABASES + "test_a_clock_that_is_wrong_takes_no_run_from_who_is_alive",
        "connector": "bad_input/test_sources.py::test_68_a_clock_that_is_wrong_hides_no_change",
        "export": EXPORTS + "test_a_clock_that_is_wrong_makes_no_name_twice",
    },
    "two processes": {
        "sql": "app/test_app.py::test_a_second_owner_is_told_who_the_first_is",
        "vector": EDGE + "test_several_client_processes_share_one_engine",
    },
    "damaged file": {
        "sql": DATABASES + "test_a_damaged_file_is_named_with_a_way_out",
        "vector": EDGE + "test_a_damaged_generation_says_so_and_harms_no_other",
        "export": EXPORTING + "test_a_changed_row_is_not_exported",
    },
    "migration killed": {
        "sql": DATABASES + "test_a_migration_killed_at_any_statement_is_done_by_the_next_start",
        "vector": "store/test_ledger.py::test_a_switch_leaves_exactly_one_live_generation",
    },
    "memory": {
        "parser": PARSING + "test_a_parser_dies_first_when_memory_runs_out",
        "export": EXPORTS + "test_a_build_that_gets_no_more_memory_goes_on_to_the_same_bytes",
    },
}


@pytest.mark.parametrize(
    "place", sorted({place for row in MATRIX.values() for place in row.values()})
)
def test_each_cell_is_tested(place: str) -> None:
    path, _, name = place.partition("::")
    assert name in names_in(path)
