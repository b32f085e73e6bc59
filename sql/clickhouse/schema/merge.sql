-- makes one part of a table; nothing comes back
OPTIMIZE TABLE {table:Identifier} FINAL
