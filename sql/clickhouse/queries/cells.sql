-- exact distinct clusters of each cell on this shard; the enclave's gate alone sees it
SELECT toUInt16({cell}) AS cell, count() AS users
FROM ({people}) AS q
WHERE {where}
GROUP BY cell
