-- the events of one log on this shard that a query reads; it stays on the server
SELECT id, toUInt16({place}) AS place, {here} AS here, {often} AS often{adds}
FROM {log} WHERE day BETWEEN {from} AND {to} AND {read}
