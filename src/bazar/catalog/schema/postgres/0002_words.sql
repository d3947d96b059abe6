-- The books that an older release has stored, from one id to another: their keys and words are made
-- anew by the catalog, which knows how texts are folded. No row once that is done.
CREATE TABLE unfolded (
    unfolded_id bigint PRIMARY KEY CONSTRAINT unfolded_one_row CHECK (unfolded_id = 1),
    first_id bigint NOT NULL,
    last_id bigint NOT NULL
);

INSERT INTO unfolded (unfolded_id, first_id, last_id)
SELECT 1, min(book_id), max(book_id) FROM books
HAVING count(*) > 0;

DROP INDEX books_without_keys;

-- Topics by how those write them who leave out spaces.
CREATE INDEX topics_by_letters ON topics (replace(topic_key, ' ', ''));

-- The terms of the books that are sold, which the catalog makes (`catalog/words.py`): a set for each
-- book, without places, so nobody asks how many there are.
TRUNCATE books_text;
ALTER TABLE books_text DROP COLUMN length;

-- By how often terms are, the catalog chooses how to look for them.
ALTER TABLE books_text ALTER COLUMN words SET STATISTICS 1000;
