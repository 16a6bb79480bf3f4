// Calls a service with the first key of a document that is accepted: the primary, else the secondary.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

type slot struct {
	KeyID  string `json:"key_id"`
	Secret string `json:"secret"`
}

// call reads the document each time: a mounted secret is replaced while the process runs.
func call(url, path string) (*http.Response, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var document struct{ Primary, Secondary *slot }
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	var answer *http.Response
	for _, key := range []*slot{document.Primary, document.Secondary} {
		if key == nil {
			continue
		}
		request, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", "Bearer "+key.Secret)
		if answer, err = http.DefaultClient.Do(request); err != nil {
			return nil, err
		}
		if answer.StatusCode != http.StatusUnauthorized && answer.StatusCode != http.StatusForbidden {
			break
		}
	}
	return answer, nil
}

func main() {
	answer, err := call(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.StatusCode)
}
