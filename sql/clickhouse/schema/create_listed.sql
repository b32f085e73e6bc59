-- tokens of a list and the first canonical row of each, until the list's time is over; nothing comes back
CREATE TABLE IF NOT EXISTS {table:Identifier} (token FixedString(12) CODEC(NONE), `row` UInt32 CODEC(NONE))
ENGINE = MergeTree ORDER BY token
TTL toDateTime({until:UInt32}) + toIntervalSecond(`row` * 0)
SETTINGS non_replicated_deduplication_window = 1000000, ttl_only_drop_parts = 1, merge_with_ttl_timeout = 60
COMMENT '{comment}'
