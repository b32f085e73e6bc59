-- the touches and conversions of one log on this shard that a query reads, a conversion
-- as the touch after the last; it stays on the server
SELECT id, toInt64(day) AS day, toInt64(transform(type, {types}, {places}, toUInt16(0))) AS touch
FROM {log} WHERE day BETWEEN {first} AND {to} AND {read} AND (day >= {from} OR not({converts}))
