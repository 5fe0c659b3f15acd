// Checks what Portreeve writes with the packages of Go's own checksum database
// (golang.org/x/mod/sumdb/note and tlog), and the cosignatures with crypto/ed25519.
//
//	check tiles DIR LOGKEY            a directory of tiles, its checkpoint, every entry
//	check proof FILE LOGKEY WITNESSKEY...   a .tlog-proof with cosignatures
//	check submit DIR OLD URL LOGKEY WITNESSKEY   be the log: ask a witness, with a proof
//	                                  that is made here, and check its answer
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func refuse(format string, values ...any) { check(fmt.Errorf(format, values...)) }

// cosigner verifies `cosignature/v1` lines, as c2sp.org/tlog-cosignature has them.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.id }
func (c cosigner) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, message)
	return at > 0 && ed25519.Verify(c.key, []byte(signed), signature[8:])
}

func newCosigner(vkey string) cosigner {
	parts := strings.SplitN(strings.TrimSpace(vkey), "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	if raw[0] != 0x04 || len(raw) != 33 {
		refuse("not the key of an Ed25519 cosigner")
	}
	hash := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	id := binary.BigEndian.Uint32(hash[:])
	if fmt.Sprintf("%08x", id) != parts[1] {
		refuse("the key id does not fit the key")
	}
	return cosigner{parts[0], id, ed25519.PublicKey(raw[1:])}
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// open verifies a checkpoint; every one of the keys must have signed it.
func open(text []byte, logKey string, witnesses ...string) checkpoint {
	log, err := note.NewVerifier(strings.TrimSpace(logKey))
	check(err)
	verifiers := []note.Verifier{log}
	for _, key := range witnesses {
		verifiers = append(verifiers, newCosigner(key))
	}
	opened, err := note.Open(text, note.VerifierList(verifiers...))
	check(err)
	if len(opened.Sigs) != len(verifiers) {
		refuse("%d of %d have signed", len(opened.Sigs), len(verifiers))
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	if lines[0] != log.Name() {
		refuse("the origin is not the key's name")
	}
	return checkpoint{lines[0], size, root}
}

// directory reads tiles as c2sp.org/tlog-tiles names them.
type directory string

func (d directory) Height() int { return 8 }
func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(d), name))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}
func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

// entries are the leaves, in bundles of up to 256.
func (d directory) entries(size int64) [][]byte {
	var all [][]byte
	for bundle := int64(0); bundle*256 < size; bundle++ {
		tile := tlog.Tile{H: 8, L: 0, N: bundle, W: 256}
		if size-bundle*256 < 256 {
			tile.W = int(size - bundle*256)
		}
		name := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(string(d), name))
		check(err)
		for len(data) > 0 {
			length := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+length])
			data = data[2+length:]
		}
	}
	return all
}

func tiles(dir, logKey string) {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	check(err)
	tree := open(text, logKey)
	hashes := tlog.TileHashReader(tlog.Tree{N: tree.size, Hash: tree.root}, directory(dir))
	root, err := tlog.TreeHash(tree.size, hashes)
	check(err)
	if root != tree.root {
		refuse("the tiles have another root")
	}
	leaves := directory(dir).entries(tree.size)
	if int64(len(leaves)) != tree.size {
		refuse("%d entries of %d", len(leaves), tree.size)
	}
	for index, leaf := range leaves {
		proof, err := tlog.ProveRecord(tree.size, int64(index), hashes)
		check(err)
		check(tlog.CheckRecord(proof, tree.size, tree.root, int64(index), tlog.RecordHash(leaf)))
	}
	fmt.Println("ok", tree.size, tree.root)
}

func proof(file, logKey string, witnesses ...string) {
	text, err := os.ReadFile(file)
	check(err)
	head, note, found := bytes.Cut(text, []byte("\n\n"))
	if !found {
		refuse("no empty line")
	}
	tree := open(note, logKey, witnesses...)
	lines := strings.Split(string(head), "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "extra ") {
		refuse("not a proof with its record")
	}
	leaf, err := base64.StdEncoding.DecodeString(lines[1][len("extra "):])
	check(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	check(err)
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		check(err)
		path = append(path, hash)
	}
	check(tlog.CheckRecord(path, tree.size, tree.root, index, tlog.RecordHash(leaf)))
	fmt.Println("ok", index, tree.size)
}

func submit(dir, old, url, logKey, witness string) {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	check(err)
	tree := open(text, logKey)
	size, err := strconv.ParseInt(old, 10, 64)
	check(err)
	body := fmt.Sprintf("old %d\n", size)
	if size > 0 {
		hashes := tlog.TileHashReader(tlog.Tree{N: tree.size, Hash: tree.root}, directory(dir))
		made, err := tlog.ProveTree(tree.size, size, hashes)
		check(err)
		for _, hash := range made {
			body += hash.String() + "\n"
		}
	}
	answer, err := http.Post(url+"/add-checkpoint", "", strings.NewReader(body+"\n"+string(text)))
	check(err)
	said, err := io.ReadAll(answer.Body)
	check(err)
	if answer.StatusCode != 200 {
		refuse("%d %s", answer.StatusCode, said)
	}
	open(append(text, said...), logKey, witness)
	fmt.Println("ok", tree.size)
}

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 3 && arguments[0] == "tiles":
		tiles(arguments[1], arguments[2])
	case len(arguments) >= 3 && arguments[0] == "proof":
		proof(arguments[1], arguments[2], arguments[3:]...)
	case len(arguments) == 6 && arguments[0] == "submit":
		submit(arguments[1], arguments[2], arguments[3], arguments[4], arguments[5])
	default:
		refuse("usage: see the head of this file")
	}
}
