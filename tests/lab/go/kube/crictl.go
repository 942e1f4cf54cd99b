// Copyright (c) 2026, mcp_auth.openshift contributors
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// crictl is the part of crictl that kind calls: "inspecti REF" and "images".
func crictl(args []string) error {
	conn, err := grpc.NewClient("unix:///run/containerd/containerd.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	images := cri.NewImageServiceClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch {
	case len(args) == 2 && args[0] == "inspecti":
		r, err := images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: args[1]}})
		if err != nil {
			return err
		}
		if r.Image == nil {
			return fmt.Errorf("no such image %q present", args[1])
		}
		out := map[string]any{"status": map[string]any{"id": r.Image.Id, "repoTags": r.Image.RepoTags, "repoDigests": r.Image.RepoDigests, "size": fmt.Sprint(r.Image.Size)}}
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(out)
	case len(args) == 1 && args[0] == "images":
		r, err := images.ListImages(ctx, &cri.ListImagesRequest{})
		if err != nil {
			return err
		}
		for _, i := range r.Images {
			fmt.Println(i.RepoTags, i.Id, i.Size)
		}
		return nil
	}
	return fmt.Errorf("this crictl knows only: inspecti REF | images")
}
