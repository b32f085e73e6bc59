-- exact distinct clusters of each cell on this shard, and what they contribute to
-- sums, each clamped; the enclave's gate alone sees it
SELECT toUInt16(q.at + t.place{frequency}) AS cell, count() AS users{sums}
FROM (SELECT id, toUInt16({cell}) AS at FROM ({people}) AS q WHERE {where}) AS q
INNER JOIN (
    SELECT id, place{tallies} FROM ({events}) GROUP BY id, place HAVING max(here) = 1
) AS t ON q.id = t.id
{often}
GROUP BY cell
