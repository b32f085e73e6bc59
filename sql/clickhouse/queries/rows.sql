-- the same, with the list's columns of that row; it stays on the server
SELECT {columns} FROM {people} AS p INNER JOIN (
    SELECT g.id AS id, g.matched AS matched{codes} FROM (
        SELECT id, min(`row`) AS first, min(kind) AS matched FROM ({hits}) GROUP BY id
    ) AS g INNER JOIN {list} AS r ON g.first = r.`row`
) AS h ON p.id = h.id
