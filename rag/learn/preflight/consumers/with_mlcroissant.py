"""mlcroissant: reads every record set that croissant.json names, and sees every changed file."""

import mlcroissant


def run(job, result):
    result.used("mlcroissant")
    read = mlcroissant.Dataset(jsonld=f"{job['folder']}/croissant.json")
    rows = {f"{table['config']}-{table['split']}": table for table in job["tables"]}
    for records in read.metadata.record_sets:
        table = rows[records.uuid]
        job["at"] = path = table["path"]
        kept = sum(1 for _ in read.records(records.uuid))
        result.loaded(path, table["rows"], kept)
        if kept != table["rows"]:
            result.problem("rows_dropped", path, f"Of {table['rows']} rows {kept} are read.")
