"""Results on disk: every path, every schema, and the one way to write. Imports no torch.

    runs/<run_id>/  config.json  history/part-*.parquet  history.parquet  arrays/step-*.npz  checkpoints/step-*.pt  checkpoint.pt
                    best.pt  measured/<metric>.parquet  record.json  failure.json  claim.json  cut.json  report.html  plots/*.png  rerun.json
    sweeps/<name>[@profile]/  manifest.json  tables/  figures/  report.html

All of it is in one place: a folder of this machine, or of an object store. A file is whole or absent. `record.json` is
written last, and it alone means that a run is finished.
"""

from lal.store.address import address_of, folder_and_name, is_uri, joined
from lal.store.codec import column_names, decoded, decoded_arrays, digest, encoded, encoded_arrays, history_table, intact, is_bounded
from lal.store.files import NAME, Store, checked_name
from lal.store.folder import RunFolder, arrays_name, kept_name
from lal.store.nested import flattened, lookup
from lal.store.records import DONE, FAILED, SCHEMA, Failure, Record, parsed
from lal.store.views import UNREACHABLE, is_away

__all__ = [
    "DONE",
    "FAILED",
    "NAME",
    "SCHEMA",
    "UNREACHABLE",
    "Failure",
    "Record",
    "RunFolder",
    "Store",
    "address_of",
    "arrays_name",
    "checked_name",
    "column_names",
    "decoded",
    "decoded_arrays",
    "digest",
    "encoded",
    "encoded_arrays",
    "flattened",
    "folder_and_name",
    "history_table",
    "intact",
    "is_away",
    "is_bounded",
    "is_uri",
    "joined",
    "kept_name",
    "lookup",
    "parsed",
]
