"""What benches need beside the product: data, a server, child processes."""
