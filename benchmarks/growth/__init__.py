"""How the cost of reading, training and forecasting grows with the table, beside pandas, pyarrow and a torch loop."""
