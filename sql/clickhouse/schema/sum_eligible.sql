-- proves a load of codes: the rows and their checksum; the engine alone sees it
SELECT count() AS rows, sum(intHash64(toUInt64(id)) * {codes}) AS sum FROM {table:Identifier}
