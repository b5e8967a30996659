"""Where each number of E2 (sources) and E3 (addresses) is tested: renaming a test fails this.

E1 (documents) carries its numbers in its cases, E4 and later belong to the API.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

COVERED: dict[int, tuple[str, ...]] = {
    # E2: file systems
    49: ("connectors/test_files.py::test_links_pipes_and_sockets_are_skipped_never_opened",
         "connectors/test_files.py::test_a_file_swapped_for_a_link_after_listing_is_not_followed",
         "connectors/test_sftp.py::test_links_are_skipped_and_never_followed"),
    50: ("connectors/test_files.py::test_links_pipes_and_sockets_are_skipped_never_opened",
         "bad_input/test_sources.py::test_50_a_hard_link_is_a_file_and_a_device_is_none",
         "bad_input/test_sources.py::"
         "test_50_a_file_swapped_for_a_pipe_after_listing_holds_nobody_up"),
    51: ("connectors/test_files.py::"
         "test_an_unreadable_folder_keeps_the_listing_from_completing",
         "connectors/test_sftp.py::test_an_unreadable_folder_keeps_the_listing_from_completing",
         "bad_input/test_sources.py::test_51_an_unreadable_file_fails_alone_and_deletes_nothing"),
    52: ("bad_input/test_sources.py::"
         "test_52_a_file_that_changes_while_it_is_read_fails_for_now",),
    53: ("connectors/test_files.py::test_a_file_that_vanished_fails_for_now",
         "ingest/test_sync.py::test_a_bad_document_stops_nobody_and_keeps_its_old_version"),
    54: ("ingest/test_sync.py::test_equal_bytes_at_two_paths_are_deleted_alone",),
    55: ("connectors/test_files.py::test_twins_by_case_and_by_normal_form_are_two_documents",
         "connectors/test_sql.py::test_twins_by_case_are_two_rows_whatever_the_collation"),
    56: ("connectors/test_files.py::test_any_name_is_listed_and_read_back",
         "connectors/test_files.py::test_keys_are_one_to_one",
         "connectors/test_git.py::test_any_name_is_listed_and_read_back"),
    57: ("connectors/test_files.py::test_more_files_than_a_page_are_all_listed",),
    58: ("connectors/test_files.py::test_a_missing_root_says_what_to_do",
         "ingest/test_sync.py::test_a_listing_that_is_not_whole_deletes_nothing",
         "bad_input/test_sources.py::test_58_a_mount_that_disappears_deletes_nothing",
         "bad_input/test_sources.py::"
         "test_58_a_mount_that_disappears_while_it_is_listed_never_completes"),
    # object stores, git, mail, SQL
    59: ("connectors/test_objects.py::"
         "test_slow_down_is_waited_for_and_pages_go_on_behind_the_last_key",
         "connectors/test_objects.py::test_the_same_etag_with_another_size_is_another_revision",
         "connectors/test_objects.py::test_a_body_that_breaks_off_fails_for_now",
         "connectors/test_objects.py::test_deleted_and_changed_between_listing_and_reading",
         "connectors/test_objects.py::test_dots_in_a_key_stay_in_the_key",
         "connectors/test_objects.py::test_folder_markers_are_skipped_and_names_are_data",
         "connectors/test_gcs.py::test_a_refused_page_token_breaks_the_listing",
         "connectors/test_azure.py::test_a_refused_marker_breaks_the_listing"),
    60: ("connectors/test_objects.py::test_revoked_credentials_mid_listing_break_it",
         "connectors/test_objects.py::test_revoked_credentials_between_listing_and_reading",
         "connectors/test_gcs.py::test_revoked_credentials",
         "connectors/test_azure.py::test_revoked_credentials"),
    61: ("connectors/test_git.py::test_a_force_push_that_drops_the_cursor_is_survived",
         "connectors/test_git.py::test_links_and_submodules_are_skipped_with_a_reason",
         "connectors/test_git.py::test_lfs_pointers_and_large_files_are_rejected",
         "connectors/test_git.py::test_hooks_and_filters_of_the_repository_never_run",
         "connectors/test_git.py::test_names_that_are_no_branch_are_refused",
         "connectors/test_git.py::test_a_pack_that_unpacks_to_too_much_is_refused",
         "connectors/test_git.py::test_no_commits_and_no_such_branch_break_the_listing"),
    62: ("connectors/test_mail.py::test_a_renumbered_folder_is_another_folder",
         "connectors/test_mail.py::test_folders_pages_and_days",
         "connectors/test_mail.py::"
         "test_a_server_that_drops_mid_message_fails_the_message_and_is_asked_again",
         "connectors/test_mail.py::test_stripped_starttls_gets_no_password"),
    63: ("connectors/test_mail.py::test_the_same_message_id_twice_is_two_messages",),
    64: ("connectors/test_sql.py::test_a_key_keeps_its_name_when_the_column_changes_type",
         "connectors/test_sql.py::test_rows_without_a_key_and_twins_fail_and_delete_nothing",
         "connectors/test_sql.py::test_every_page_is_listed_once",
         "connectors/test_sql.py::test_a_statement_that_takes_too_long_is_stopped",
         "connectors/test_sql.py::test_text_that_is_no_select_is_refused",
         "connectors/test_sql.py::test_a_select_that_writes_is_refused_by_the_database"),
    65: ("connectors/test_sql.py::"
         "test_a_lost_connection_is_taken_up_again_behind_the_last_key",),
    66: ("connectors/cases.py::test_a_busy_vendor_is_waited_for",
         "connectors/test_confluence.py::test_restrictions_become_readers",
         "connectors/test_confluence.py::test_a_page_moved_below_a_newer_one_waits_for_it"),
    67: ("connectors/cases.py::test_a_login_page_is_neither_a_listing_nor_a_document",
         "connectors/test_web.py::test_a_sign_in_page_is_no_content",
         "connectors/test_objects.py::test_a_login_page_is_no_listing",
         "connectors/test_gcs.py::test_a_login_page_is_no_object",
         "connectors/test_azure.py::test_a_login_page_is_no_blob"),
    68: ("bad_input/test_sources.py::test_68_a_clock_that_is_wrong_hides_no_change",
         "connectors/test_rest.py::test_the_next_sync_asks_for_what_changed"),
    69: ("bad_input/test_sources.py::test_69_a_revision_column_that_goes_back_is_a_change",
         "connectors/test_rest.py::test_the_next_sync_asks_for_what_changed"),
    70: ("app/test_runs.py::test_a_source_is_worked_on_by_one_run_at_a_time",
         "jobs/test_workers.py::test_a_woken_worker_changes_nothing",
         "jobs/test_workers.py::test_cancel_stops_the_work_before_it_frees_the_source"),
    # E3: addresses
    71: ("test_egress.py::test_no_way_to_write_a_private_address_reaches_it",
         "connectors/test_every_connector.py::test_no_connector_reaches_a_private_address"),
    72: ("test_egress.py::test_no_way_to_write_a_private_address_reaches_it",
         "test_egress.py::test_other_protocols_are_given_no_such_address"),
    73: ("test_egress.py::test_no_way_to_write_a_private_address_reaches_it",
         "test_egress.py::test_metadata_names_are_refused_by_where_they_lead"),
    74: ("test_egress.py::test_a_redirect_to_a_private_host_is_refused",
         "test_egress.py::test_a_redirect_to_no_web_address_is_refused",
         "test_egress.py::test_redirects_end",
         "connectors/test_every_connector.py::"
         "test_no_connector_follows_a_redirect_to_a_private_address"),
    75: ("test_egress.py::test_a_name_that_changes_its_address_is_checked_each_time",
         "test_egress.py::test_a_name_with_one_private_address_among_others_is_refused"),
    76: ("test_egress.py::test_what_parsers_could_read_differently_is_never_contacted",
         "connectors/test_git.py::test_addresses_that_are_refused"),
    77: ("test_egress.py::test_what_parsers_could_read_differently_is_never_contacted",),
    78: ("test_egress.py::test_what_parsers_could_read_differently_is_never_contacted",
         "test_egress_sessions.py::test_what_parsers_could_read_differently_is_never_contacted"),
    79: ("test_egress.py::test_a_look_alike_name_is_shown_in_ascii",),
    80: ("test_egress.py::test_only_web_ports_of_public_hosts_are_contacted",),
    81: ("test_egress.py::test_a_body_that_drips_for_ever_ends_at_the_total_time",
         "test_egress.py::test_a_server_that_says_nothing_ends_at_the_total_time"),
    82: ("test_egress.py::test_headers_without_end_are_refused",),
    83: ("test_egress.py::test_a_body_longer_than_declared_is_cut_where_it_said",
         "test_egress.py::test_more_than_the_cap_is_refused_and_no_longer_read"),
    84: ("test_egress.py::test_a_gzip_bomb_is_refused_before_it_fills_memory",
         "test_egress.py::test_an_encoding_that_cannot_be_trusted_is_a_source_error",
         "connectors/test_web.py::test_a_zipped_sitemap_may_not_swell"),
    85: ("connectors/test_web.py::test_types_are_judged_by_what_comes",),
    86: ("test_egress.py::test_every_status_is_an_answer",
         "connectors/test_web.py::test_a_page_that_fails_keeps_the_listing_from_completing",
         "connectors/test_web.py::test_not_found_said_with_a_200_is_gone",
         "connectors/test_web.py::test_gone_is_believed_the_second_time",
         "connectors/test_web.py::test_what_was_listed_is_not_asked_for_again"),
    87: ("test_egress.py::test_tls_is_verified_by_name_though_connected_by_address",
         "test_egress_sessions.py::test_tls_is_verified_by_name_even_if_an_sdk_says_otherwise",
         "connectors/test_mail.py::test_a_stranger_s_certificate_gets_no_password"),
    88: ("connectors/test_web.py::"
         "test_a_calendar_without_end_meets_the_page_limit_and_deletes_nothing",
         "connectors/test_web.py::test_paths_that_repeat_or_never_end_are_not_followed",
         "connectors/test_web.py::test_robots_are_obeyed_also_where_a_redirect_leads",
         "connectors/test_web.py::test_a_crawl_stays_on_its_site_and_within_its_depth",
         "connectors/test_web.py::test_redirects_and_parameters_make_no_second_document"),
    89: ("connectors/test_web.py::test_private_hosts_are_not_reached_by_what_a_page_says",),
    90: ("test_egress.py::test_credentials_stay_with_their_host",
         "test_egress.py::test_cookies_are_never_kept",
         "test_egress_sessions.py::test_credentials_stay_with_their_host",
         "connectors/test_web.py::test_credentials_go_to_the_configured_sites_alone"),
}  # fmt: skip


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("number", range(49, 91))
def test_each_number_is_tested(number: int) -> None:
    assert COVERED[number], number
    for place in COVERED[number]:
        path, _, name = place.partition("::")
        assert name in names_in(path), place
