-- proves a load of events: the rows and their checksum; the engine alone sees it
SELECT count() AS rows, sum(
    (reinterpretAsUInt64(token) * (2 * toUInt64(place) + 1) + reinterpretAsUInt32(substring(token, 9, 4)))
    * (2 * (intHash64(reinterpretAsUInt64(value)) + intHash64(bitShiftLeft(toUInt64(part), 32) + reinterpretAsUInt32(day))
            + intHash64(toUInt64(kind) * 256 + type)) + 1)) AS sum
FROM {table:Identifier}
