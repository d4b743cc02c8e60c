// Package main is client-go as controllers use it, against an aggregated server that serves wardle.example.com.
//
// It runs the scenario that it is named, in a namespace of its own, and exits with 0 when all is as upstream's own
// server answers. Without a name it lists the scenarios.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	wardle "k8s.io/sample-apiserver/pkg/generated/clientset/versioned"
)

// A scenario's clients, and its namespace.
type world struct {
	context.Context
	config    *rest.Config
	namespace string
}

var scenarios = map[string]func(world) error{
	"dynamic-client":            dynamicClient,
	"metadata-client":           metadataClient,
	"typed-clients":             typedClients,
	"errors-are-classified":     errorsAreClassified,
	"informer-streams-lists":    informerStreamsLists,
	"informer-with-selectors":   informerWithSelectors,
	"metadata-informer":         metadataInformer,
	"retry-watcher-resumes":     retryWatcherResumes,
	"old-versions-are-expired":  oldVersionsAreExpired,
	"pager-reads-every-page":    pagerReadsEveryPage,
	"server-side-apply":         serverSideApply,
	"warnings-are-heard":        warningsAreHeard,
	"discovery-and-openapi":     discoveryAndOpenAPI,
	"watch-list-bookmark":       watchListBookmark,
	"optimistic-updates-retry":  optimisticUpdatesRetry,
	"delete-with-preconditions": deleteWithPreconditions,
}

var (
	flunders = schema.GroupVersionResource{Group: "wardle.example.com", Version: "v1beta1", Resource: "flunders"}
	limit    = time.Minute
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the cluster")
	flag.Parse()
	name := flag.Arg(0)
	run, known := scenarios[name]
	if !known {
		names := make([]string, 0, len(scenarios))
		for name := range scenarios {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Println(strings.Join(names, "\n"))
		if name != "" {
			os.Exit(2)
		}
		return
	}
	if err := inNamespace(*kubeconfig, "client-go-"+name, run); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func inNamespace(kubeconfig, namespace string, run func(world) error) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 1000
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := core.CoreV1().Namespaces().Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return err
	}
	// Upstream's server learns of a namespace by an informer of its own.
	for attempt := 0; attempt < 100; attempt++ {
		if _, err = (world{ctx, config, namespace}).dynamic().Create(ctx, flunder("probe"), metav1.CreateOptions{DryRun: []string{"All"}}); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("the namespace is not seen: %w", err)
	}
	return run(world{ctx, config, namespace})
}

func (w world) dynamic() dynamic.ResourceInterface {
	return dynamic.NewForConfigOrDie(w.config).Resource(flunders).Namespace(w.namespace)
}

func (w world) metadata() metadata.ResourceInterface {
	return metadata.NewForConfigOrDie(w.config).Resource(flunders).Namespace(w.namespace)
}

func (w world) typed() *wardle.Clientset {
	return wardle.NewForConfigOrDie(w.config)
}

// Fails with what was seen unless a condition holds.
func expect(holds bool, format string, seen ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf("not as expected: "+format, seen...)
}

// Waits until a condition holds, within the scenario's time.
func (w world) eventually(what string, holds func() (bool, error)) error {
	for {
		held, err := holds()
		if held {
			return nil
		}
		select {
		case <-w.Done():
			return errors.Join(fmt.Errorf("waited in vain for %s", what), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
