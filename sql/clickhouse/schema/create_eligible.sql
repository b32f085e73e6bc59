-- clusters of a population on this shard that may be counted: the one flag; nothing comes back
CREATE TABLE IF NOT EXISTS {table:Identifier} (id UInt32)
ENGINE = MergeTree ORDER BY id
SETTINGS non_replicated_deduplication_window = 1000000
COMMENT '{comment}'
