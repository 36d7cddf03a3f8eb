"""Results on disk: every path, every schema, and the one way to write. Imports no torch.

    runs/<run_id>/  config.json  history/part-*.parquet  history.parquet  arrays/step-*.npz  checkpoints/step-*.pt  checkpoint.pt
                    best.pt  measured/<metric>.parquet  record.json  failure.json  claim.json  report.html  plots/*.png  rerun.json
    sweeps/<name>[@profile]/  manifest.json  tables/  figures/  report.html

A file is whole or absent. `record.json` is written last, and it alone means that a run is finished.
"""

from lal.store.codec import column_names, decoded, decoded_arrays, digest, encoded, encoded_arrays, intact
from lal.store.files import NAME, Store, checked_name
from lal.store.folder import RunFolder, arrays_name, kept_name
from lal.store.nested import flattened, lookup
from lal.store.records import DONE, FAILED, SCHEMA, Failure, Record

__all__ = [
    "DONE",
    "FAILED",
    "NAME",
    "SCHEMA",
    "Failure",
    "Record",
    "RunFolder",
    "Store",
    "arrays_name",
    "checked_name",
    "column_names",
    "decoded",
    "decoded_arrays",
    "digest",
    "encoded",
    "encoded_arrays",
    "flattened",
    "intact",
    "kept_name",
    "lookup",
]
