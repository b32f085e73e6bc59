-- clusters on this shard, of a build or those that may be counted, and their codes; nothing comes back
CREATE TABLE IF NOT EXISTS {table:Identifier} (id UInt32{codes})
ENGINE = MergeTree ORDER BY id
SETTINGS non_replicated_deduplication_window = 1000000
COMMENT '{comment}'
