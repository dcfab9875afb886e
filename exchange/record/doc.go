// Package record is the mathematics and the formats of the record: a Merkle
// log (RFC 6962 hashing) of everything that a gateway sent, received, refused
// or showed to somebody.
//
// A [Leaf] says, without a word about a person, what happened; it commits to
// the exact bytes through a salt, so that destroying the bytes and the salt
// erases the person and leaves every proof valid. Leaves are appended at the
// tree's right [Edge], which alone gives the new root, the tiles that became
// full and a proof for each new leaf. A [CheckpointSigner] signs the root, a
// [Witness] countersigns it, [FormatProof] packs all of it into one text that
// convinces an auditor offline, and [Check] recomputes the whole record from
// stored bytes and says what is wrong, where.
//
// The formats are those of C2SP, so that public software can read them:
// signed-note, tlog-checkpoint, tlog-proof, tlog-tiles, tlog-cosignature and
// tlog-witness. The package imports nothing of the house and knows no
// database: a store hands it hashes through [TileSource] and entries through
// [Fetcher].
package record
