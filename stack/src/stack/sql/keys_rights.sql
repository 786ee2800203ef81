-- Who may do what with persons' keys, run by their owner after the tables are made. Harmless to repeat.

-- A service makes keys (through make_keys), reads them, and sees who is erased.
GRANT SELECT, INSERT ON subject_keys, named_keys TO services;
GRANT SELECT ON fences TO services;

-- Only erasure raises a fence and destroys a key, and wraps the living ones anew under a new epoch.
GRANT INSERT ON fences TO erasure;
GRANT UPDATE, DELETE ON subject_keys TO erasure;
GRANT UPDATE ON named_keys TO erasure;
