"""From records to answers: tables, statistics, figures, findings, one page. Imports neither torch nor ray."""
