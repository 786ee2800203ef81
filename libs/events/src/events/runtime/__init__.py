"""The event machinery's I/O: PostgreSQL, Kafka, keys. The only place of this library that touches the world."""
