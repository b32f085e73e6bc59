-- exact distinct clusters of each cell on this shard, and what their conversions are
-- credited there, in thousandths, of at most so many each; the enclave's gate alone sees it
SELECT toUInt16(q.at + t.touch * {stride}) AS cell, count() AS users{sums}
FROM (SELECT id, toUInt16({cell}) AS at FROM ({people}) AS q WHERE {where}) AS q
INNER JOIN (
    SELECT id, tupleElement(share, 1) AS touch, sum(times * tupleElement(share, 2)) AS credit
    FROM (SELECT id, times, if(empty(used), [(toInt64({none}), toInt64(1000))], {model}) AS shares FROM ({conversions}))
    ARRAY JOIN shares AS share
    GROUP BY id, touch HAVING credit > 0
) AS t ON q.id = t.id
GROUP BY cell
