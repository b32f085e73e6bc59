-- gives each event of a part of a log to every cluster on this shard that holds one
-- of its unambiguous tokens, once; nothing comes back
INSERT INTO {table:Identifier} (id, day, type, value)
SELECT id, day, type, value FROM (
    SELECT DISTINCT place, id, day, type, value FROM (
        SELECT s.place AS place, b.id AS id, s.day AS day, s.type AS type, s.value AS value
        FROM {user:Identifier} AS b INNER JOIN {stage:Identifier} AS s ON b.token = s.token
        WHERE s.part = {part:UInt32} AND s.kind = 255
        UNION ALL
        SELECT s.place, b.id, s.day, s.type, s.value
        FROM {token0:Identifier} AS b INNER JOIN {stage:Identifier} AS s ON b.token = s.token
        WHERE s.part = {part:UInt32} AND s.kind = 0
        UNION ALL
        SELECT s.place, b.id, s.day, s.type, s.value
        FROM {token1:Identifier} AS b INNER JOIN {stage:Identifier} AS s ON b.token = s.token
        WHERE s.part = {part:UInt32} AND s.kind = 1
        UNION ALL
        SELECT s.place, b.id, s.day, s.type, s.value
        FROM {token2:Identifier} AS b INNER JOIN {stage:Identifier} AS s ON b.token = s.token
        WHERE s.part = {part:UInt32} AND s.kind = 2
        UNION ALL
        SELECT s.place, b.id, s.day, s.type, s.value
        FROM {token3:Identifier} AS b INNER JOIN {stage:Identifier} AS s ON b.token = s.token
        WHERE s.part = {part:UInt32} AND s.kind = 3
    )
)
