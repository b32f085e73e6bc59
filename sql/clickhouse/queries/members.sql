-- the members of an audience on this shard, and the tokens of the list that each holds;
-- the enclave alone sees it, and names a member to the receiver of a delivery
SELECT h.id AS id, h.kind AS kind, h.token AS token FROM ({hits}) AS h
WHERE h.id IN (SELECT id FROM ({people}) AS q WHERE {where})
