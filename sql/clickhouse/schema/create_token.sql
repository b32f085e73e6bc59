-- tokens of a build and the clusters on this shard that hold them; nothing comes back
CREATE TABLE IF NOT EXISTS {table:Identifier} (token FixedString(12) CODEC(NONE), id UInt32 CODEC(NONE))
ENGINE = MergeTree ORDER BY token
SETTINGS non_replicated_deduplication_window = 1000000
COMMENT '{comment}'
