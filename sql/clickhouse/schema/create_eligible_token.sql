-- tokens of those on this shard who may be counted, their clusters and codes; nothing comes back
CREATE TABLE IF NOT EXISTS {table:Identifier} (token FixedString(12) CODEC(NONE), id UInt32 CODEC(NONE){codes})
ENGINE = MergeTree ORDER BY token
SETTINGS non_replicated_deduplication_window = 1000000
COMMENT '{comment}'
