"""Files in: spreadsheets, CSV and JSON become values, with a finding for all that is doubtful."""
