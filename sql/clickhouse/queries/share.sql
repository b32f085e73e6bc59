-- who is in a keyed share of all clusters; it stays on the server
(sipHash64Keyed(({k0}, {k1}), id) % {shares} >= {from} AND sipHash64Keyed(({k0}, {k1}), id) % {shares} < {to})
