-- proves a load of tokens: the rows and their checksum; the engine alone sees it
SELECT count() AS rows, sum(reinterpretAsUInt64(token) * (2 * toUInt64(`row`) + 1) + reinterpretAsUInt32(substring(token, 9, 4))) AS sum
FROM {table:Identifier}
