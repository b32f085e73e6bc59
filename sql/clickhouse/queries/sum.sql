-- a sum of what each cluster contributes to a cell on this shard; the enclave's gate
-- alone sees it
, sum(toInt64(least(intDiv(greatest(t.t{i}, toInt128(0)), toInt128({granule})), toInt128({cap})))) AS s{i}
