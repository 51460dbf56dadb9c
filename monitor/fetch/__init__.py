"""Reading documents from the network: safely, politely and within bounds."""
