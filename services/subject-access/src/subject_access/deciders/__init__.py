"""What may happen to links to the portal and behind them, and to looks of staff at a person."""
