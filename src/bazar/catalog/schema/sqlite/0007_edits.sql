-- When what describes a book was changed last, or when it was added; its stock does not count.
-- NULL for books from before this was noted: nobody knows.
ALTER TABLE books ADD COLUMN edited_at_ms INTEGER;
