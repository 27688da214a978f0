package signalbox

import (
	"context"
	"iter"
)

// page reads one page behind a token, and says where the next one begins; an empty token if there is none.
type page[T any] func(ctx context.Context, token string) (items []T, nextToken string, err error)

// pages yields everything on all pages, which are read as they are needed. An error is the last thing yielded.
func pages[T any](ctx context.Context, read page[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		token := ""
		for {
			items, next, err := read(ctx, token)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			token = next
		}
	}
}
