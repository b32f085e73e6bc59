-- the hits of a list without tokens; it stays on the server
SELECT toUInt32(0) AS id, toUInt32(0) AS `row`, toUInt8(0) AS kind WHERE 0
