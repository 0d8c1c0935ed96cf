"""Files of the register: what a workbook looks like, and reading and writing workbooks and CSV."""
