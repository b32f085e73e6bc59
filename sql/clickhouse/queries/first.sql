-- the same, each with its first canonical row and the first of its kinds; it stays
-- on the server
SELECT {columns} FROM {people} AS p INNER JOIN (
    SELECT id, min(`row`) AS first, min(kind) AS matched FROM ({hits}) GROUP BY id
) AS h ON p.id = h.id
