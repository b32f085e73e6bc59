-- the members of an audience on this shard that no list is asked for; the enclave alone
-- sees it, and names a member to the receiver of a delivery
SELECT id, toUInt8({kinds}) AS kind, toFixedString('', {size}) AS token FROM ({people}) AS q WHERE {where}
