-- Files of which rows were taken in, numbered in the order in which they were first seen.
CREATE TABLE imports (
    import_id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_key TEXT NOT NULL CONSTRAINT imports_file_key_unique UNIQUE,
    begun_at_ms INTEGER NOT NULL
) STRICT;

-- The last count of each book that came from such a file: older ones are not taken any more.
CREATE TABLE counts (
    book_id INTEGER PRIMARY KEY,
    import_id INTEGER NOT NULL,
    row INTEGER NOT NULL
) STRICT;

-- Which book a row of a file has made: the row is that book, whatever it is called since.
CREATE TABLE made_by_rows (
    import_id INTEGER NOT NULL,
    row INTEGER NOT NULL,
    book_id INTEGER NOT NULL,
    PRIMARY KEY (import_id, row)
) STRICT, WITHOUT ROWID;

-- The last writes of the keeper that had a key: what each asked, and its first answer.
CREATE TABLE keyed_writes (
    write_id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL CONSTRAINT keyed_writes_key_unique UNIQUE,
    request TEXT NOT NULL,
    answer TEXT NOT NULL
) STRICT;
