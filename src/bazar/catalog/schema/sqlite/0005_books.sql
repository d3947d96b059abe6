-- What pages show of a book beside its title, and what its keeper needs.
ALTER TABLE books ADD COLUMN subtitle TEXT NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN publisher TEXT NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN format TEXT NOT NULL DEFAULT '' CONSTRAINT books_format
    CHECK (format IN ('', 'paperback', 'hardback', 'audio', 'map', 'other'));
ALTER TABLE books ADD COLUMN pages INTEGER CONSTRAINT books_pages_positive CHECK (pages > 0);
ALTER TABLE books ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN condition TEXT NOT NULL DEFAULT 'new' CONSTRAINT books_condition
    CHECK (condition IN ('new', 'as-new', 'very-good', 'good', 'fair'));
ALTER TABLE books ADD COLUMN shelf TEXT NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN low_at INTEGER NOT NULL DEFAULT 3 CONSTRAINT books_low_at_not_negative
    CHECK (low_at >= 0);
ALTER TABLE books ADD COLUMN added_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE books ADD COLUMN retired_at_ms INTEGER;

-- Forms in which names and titles are compared. The catalog makes them, at its start those of books
-- that were here before; until then they are not known.
ALTER TABLE books ADD COLUMN author_key TEXT;
ALTER TABLE books ADD COLUMN title_key TEXT;

UPDATE books SET added_at_ms = first.at_ms
FROM (SELECT book_id, min(moved_at_ms) AS at_ms FROM movements GROUP BY book_id) AS first
WHERE first.book_id = books.book_id;

CREATE INDEX books_without_keys ON books (book_id) WHERE author_key IS NULL;

-- Every way through the books that are sold. What a list can be narrowed by stands in each of them,
-- and so does `retired_at_ms`, which is always NULL there: else SQLite would read each book for it.
-- None holds the stock, which every sale would then have to write there too.
DROP INDEX books_by_topic;
CREATE INDEX books_by_topic ON books (topic_key, book_id, title, retired_at_ms)
    WHERE retired_at_ms IS NULL;
CREATE INDEX books_by_author ON books (author_key, book_id, retired_at_ms)
    WHERE retired_at_ms IS NULL;
CREATE INDEX books_by_id ON books (book_id, topic_key, author_key, price_minor, retired_at_ms)
    WHERE retired_at_ms IS NULL;
CREATE INDEX books_by_price ON books (price_minor, book_id, topic_key, author_key, retired_at_ms)
    WHERE retired_at_ms IS NULL;
CREATE INDEX books_by_age
    ON books (added_at_ms, book_id, topic_key, author_key, price_minor, retired_at_ms)
    WHERE retired_at_ms IS NULL;
CREATE INDEX books_by_title_key
    ON books (title_key, book_id, topic_key, author_key, price_minor, retired_at_ms)
    WHERE retired_at_ms IS NULL;

-- A sale writes here only where few copies are left.
CREATE INDEX books_scarce ON books (stock, book_id, low_at, retired_at_ms)
    WHERE retired_at_ms IS NULL AND (stock <= 5 OR stock <= low_at);
CREATE INDEX books_retired ON books (retired_at_ms, book_id) WHERE retired_at_ms IS NOT NULL;

-- A topic counts the books that are sold.
DROP TRIGGER topics_insert;
DROP TRIGGER topics_update;
DROP TRIGGER topics_delete;

CREATE TRIGGER topics_insert AFTER INSERT ON books
WHEN new.retired_at_ms IS NULL
BEGIN
    INSERT INTO topics (topic_key, topic, books) VALUES (new.topic_key, new.topic, 1)
    ON CONFLICT (topic_key, topic) DO UPDATE SET books = books + 1;
END;

CREATE TRIGGER topics_update AFTER UPDATE OF topic_key, topic, retired_at_ms ON books
WHEN old.topic_key <> new.topic_key OR old.topic <> new.topic
    OR (old.retired_at_ms IS NULL) <> (new.retired_at_ms IS NULL)
BEGIN
    UPDATE topics SET books = books - 1
    WHERE topic_key = old.topic_key AND topic = old.topic AND old.retired_at_ms IS NULL;
    DELETE FROM topics
    WHERE topic_key = old.topic_key AND topic = old.topic AND books = 0;
    INSERT INTO topics (topic_key, topic, books)
    SELECT new.topic_key, new.topic, 1 WHERE new.retired_at_ms IS NULL
    ON CONFLICT (topic_key, topic) DO UPDATE SET books = books + 1;
END;

CREATE TRIGGER topics_delete AFTER DELETE ON books
WHEN old.retired_at_ms IS NULL
BEGIN
    UPDATE topics SET books = books - 1
    WHERE topic_key = old.topic_key AND topic = old.topic;
    DELETE FROM topics
    WHERE topic_key = old.topic_key AND topic = old.topic AND books = 0;
END;

-- The words of the books that are sold. In Arabic the marks of vowels, the sign that draws a word
-- out, and letters that one writes for another are folded, as `catalog/words.py` folds what is
-- asked for.
DROP TRIGGER books_text_insert;
DROP TRIGGER books_text_update;
DROP TABLE books_text;

CREATE VIEW books_words AS
SELECT book_id,
    words ->> 0 AS title,
    words ->> 1 AS subtitle,
    words ->> 2 AS author,
    words ->> 3 AS publisher,
    words ->> 4 AS topic,
    words ->> 5 AS description
FROM (
    SELECT book_id,
        replace(replace(replace(replace(replace(replace(
        replace(replace(replace(replace(replace(replace(
        replace(replace(replace(replace(replace(replace(
            json_array(title, subtitle, author, publisher, topic, description),
            char(1600), ''), char(1611), ''), char(1612), ''),
            char(1613), ''), char(1614), ''), char(1615), ''),
            char(1616), ''), char(1617), ''), char(1618), ''),
            char(1648), ''), 'أ', 'ا'), 'إ', 'ا'),
            'آ', 'ا'), 'ٱ', 'ا'), 'ى', 'ي'),
            'ة', 'ه'), 'ؤ', 'و'), 'ئ', 'ي') AS words
    FROM books
    WHERE retired_at_ms IS NULL
);

CREATE VIRTUAL TABLE books_text USING fts5 (
    title, subtitle, author, publisher, topic, description,
    content = 'books_words',
    content_rowid = 'book_id',
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3'
);

INSERT INTO books_text (books_text) VALUES ('rebuild');

CREATE TRIGGER books_text_insert AFTER INSERT ON books
BEGIN
    INSERT INTO books_text (rowid, title, subtitle, author, publisher, topic, description)
    SELECT book_id, title, subtitle, author, publisher, topic, description FROM books_words
    WHERE book_id = new.book_id;
END;

-- The index forgets the words that it holds, so they have to be told as they were.
CREATE TRIGGER books_text_forget
BEFORE UPDATE OF title, subtitle, author, publisher, topic, description, retired_at_ms ON books
BEGIN
    INSERT INTO books_text (books_text, rowid, title, subtitle, author, publisher, topic,
                            description)
    SELECT 'delete', book_id, title, subtitle, author, publisher, topic, description
    FROM books_words
    WHERE book_id = old.book_id;
END;

CREATE TRIGGER books_text_update
AFTER UPDATE OF title, subtitle, author, publisher, topic, description, retired_at_ms ON books
BEGIN
    INSERT INTO books_text (rowid, title, subtitle, author, publisher, topic, description)
    SELECT book_id, title, subtitle, author, publisher, topic, description FROM books_words
    WHERE book_id = new.book_id;
END;
