-- events as they came, until their clusters are found; nothing comes back
CREATE TABLE IF NOT EXISTS {table:Identifier}
(token FixedString(12) CODEC(NONE), place UInt32, part UInt32, kind UInt8, day Int32, type UInt8, value Int64)
ENGINE = MergeTree ORDER BY part
SETTINGS non_replicated_deduplication_window = 1000000
COMMENT '{comment}'
