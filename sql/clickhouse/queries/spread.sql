-- as events, but a cluster that is counted in one cell adds its events to all that they
-- fall into; the enclave's gate alone sees it
SELECT toUInt16(q.at + t.place{frequency}) AS cell, sum(t.counted) AS users{sums}
FROM (SELECT id, toUInt16({cell}) AS at FROM ({people}) AS q WHERE {where}) AS q
INNER JOIN (
    SELECT id, place, max(here) AS counted{tallies} FROM ({events})
    WHERE id IN (SELECT id FROM ({events}) WHERE here) GROUP BY id, place
) AS t ON q.id = t.id
{often}
GROUP BY cell
