"""What the client gives and takes: data classes that stand for the messages of the contract."""
