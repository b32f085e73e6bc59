-- canonical rows of a list and their codes, until the list's time is over; nothing comes back
CREATE TABLE IF NOT EXISTS {table:Identifier} (`row` UInt32{codes})
ENGINE = MergeTree ORDER BY `row`
TTL toDateTime({until:UInt32}) + toIntervalSecond(`row` * 0)
SETTINGS non_replicated_deduplication_window = 1000000, ttl_only_drop_parts = 1, merge_with_ttl_timeout = 60
COMMENT '{comment}'
