"""mem0's tools, by its names of tools, arguments and answers: our operations behind them."""
