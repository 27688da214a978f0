package signalbox

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// newRequestID makes a request id: a UUID that nobody else makes, which begins with the time (version 7). A
// server keeps ids in order for a day, so that those which come one after the other lie beside each other.
func newRequestID() string {
	var id [16]byte
	// It never fails: a machine without randomness ends the program.
	_, _ = rand.Read(id[:])
	now := time.Now().UnixMilli()
	for index := range 6 {
		id[index] = byte(now >> (40 - 8*index))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
