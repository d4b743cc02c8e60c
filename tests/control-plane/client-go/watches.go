package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
	watchtools "k8s.io/client-go/tools/watch"
)

// What an informer told, by kind of event.
type told struct {
	sync.Mutex
	added, updated, deleted []string
}

func (t *told) follow(informer cache.SharedIndexInformer) error {
	note := func(list *[]string) func(any) {
		return func(object any) {
			if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			t.Lock()
			defer t.Unlock()
			*list = append(*list, object.(metav1.Object).GetName())
		}
	}
	updated := note(&t.updated)
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: note(&t.added), DeleteFunc: note(&t.deleted), UpdateFunc: func(_, now any) { updated(now) },
	})
	return err
}

func (t *told) counts() [3]int {
	t.Lock()
	defer t.Unlock()
	return [3]int{len(t.added), len(t.updated), len(t.deleted)}
}

func (w world) create(names ...string) error {
	for _, name := range names {
		if _, err := w.dynamic().Create(w, flunder(name), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func (w world) label(name, value string) error {
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{"colour":%q}}}`, value)
	_, err := w.dynamic().Patch(w, name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// Creates before, then starts, then changes; what is told must be exactly what happened.
func (w world) informs(informer cache.SharedIndexInformer) error {
	told := &told{}
	if err := told.follow(informer); err != nil {
		return err
	}
	if err := w.create("one", "two"); err != nil {
		return err
	}
	go informer.Run(w.Done())
	if !cache.WaitForCacheSync(w.Done(), informer.HasSynced) {
		return fmt.Errorf("the informer does not sync")
	}
	if err := w.create("three"); err != nil {
		return err
	}
	if err := w.label("one", "green"); err != nil {
		return err
	}
	if err := w.dynamic().Delete(w, "two", metav1.DeleteOptions{}); err != nil {
		return err
	}
	err := w.eventually("three additions, an update and a deletion", func() (bool, error) {
		return told.counts() == [3]int{3, 1, 1}, fmt.Errorf("%v", told.counts())
	})
	if err != nil {
		return err
	}
	return expect(len(informer.GetStore().List()) == 2, "%v", informer.GetStore().ListKeys())
}

// a reflector that lists by streaming, as client-go does unless told otherwise.
func informerStreamsLists(w world) error {
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(dynamic.NewForConfigOrDie(w.config), 0, w.namespace, nil)
	return w.informs(factory.ForResource(flunders).Informer())
}

// X-4, PM-1, W-24: the garbage collector's informer.
func metadataInformer(w world) error {
	factory := metadatainformer.NewFilteredSharedInformerFactory(metadata.NewForConfigOrDie(w.config), 0, w.namespace, nil)
	return w.informs(factory.ForResource(flunders).Informer())
}

// X-22, W-12: objects enter and leave a selection.
func informerWithSelectors(w world) error {
	if err := w.create("one", "two"); err != nil {
		return err
	}
	tweak := func(options *metav1.ListOptions) {
		options.LabelSelector, options.FieldSelector = "colour=green", "metadata.name!=two"
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(dynamic.NewForConfigOrDie(w.config), 0, w.namespace, tweak)
	informer, told := factory.ForResource(flunders).Informer(), &told{}
	if err := told.follow(informer); err != nil {
		return err
	}
	go informer.Run(w.Done())
	if !cache.WaitForCacheSync(w.Done(), informer.HasSynced) {
		return fmt.Errorf("the informer does not sync")
	}
	for _, step := range []struct {
		name, colour string
		counts       [3]int
	}{{"two", "green", [3]int{0, 0, 0}}, {"one", "green", [3]int{1, 0, 0}}, {"one", "blue", [3]int{1, 0, 1}}, {"one", "green", [3]int{2, 0, 1}}} {
		if err := w.label(step.name, step.colour); err != nil {
			return err
		}
		err := w.eventually(fmt.Sprint(step), func() (bool, error) {
			return told.counts() == step.counts, fmt.Errorf("%v", told.counts())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// a watcher whose watches end again and again misses nothing and sees nothing twice.
func retryWatcherResumes(w world) error {
	client := w.dynamic()
	list, err := client.List(w, metav1.ListOptions{})
	if err != nil {
		return err
	}
	watches := 0
	short := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		watches++
		second := int64(1)
		options.TimeoutSeconds = &second
		return client.Watch(ctx, options)
	}}
	watcher, err := watchtools.NewRetryWatcherWithContext(w, list.GetResourceVersion(), short)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	go func() {
		for index := 0; index < 30; index++ {
			_ = w.create(fmt.Sprintf("f-%02d", index))
			time.Sleep(100 * time.Millisecond)
		}
	}()
	for index := 0; index < 30; index++ {
		select {
		case event := <-watcher.ResultChan():
			object, ok := event.Object.(*unstructured.Unstructured)
			if err := expect(ok && event.Type == watch.Added && object.GetName() == fmt.Sprintf("f-%02d", index), "%d: %v", index, event); err != nil {
				return err
			}
		case <-w.Done():
			return fmt.Errorf("no event %d after %d watches", index, watches)
		}
	}
	return expect(watches > 1, "%d watches", watches)
}

// X-17, W-13: history that is gone is 410, by which reflectors list again.
func oldVersionsAreExpired(w world) error {
	watcher, err := w.dynamic().Watch(w, metav1.ListOptions{ResourceVersion: "1"})
	if apierrors.IsResourceExpired(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer watcher.Stop()
	select {
	case event := <-watcher.ResultChan():
		return expect(event.Type == watch.Error && apierrors.IsResourceExpired(apierrors.FromObject(event.Object)), "%v", event)
	case <-w.Done():
		return fmt.Errorf("no event")
	}
}

// X-18, L-9: pages join to the whole.
func pagerReadsEveryPage(w world) error {
	for index := 0; index < 25; index++ {
		if err := w.create(fmt.Sprintf("f-%02d", index)); err != nil {
			return err
		}
	}
	pages := 0
	reader := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		pages++
		return w.dynamic().List(ctx, options)
	})
	reader.PageSize = 4
	seen := 0
	err := reader.EachListItem(w, metav1.ListOptions{}, func(object runtime.Object) error {
		name := object.(metav1.Object).GetName()
		defer func() { seen++ }()
		return expect(name == fmt.Sprintf("f-%02d", seen), "%d: %s", seen, name)
	})
	if err != nil {
		return err
	}
	return expect(seen == 25 && pages == 7, "%d objects on %d pages", seen, pages)
}

// W-6, W-7: initial events, then their end.
func watchListBookmark(w world) error {
	if err := w.create("b", "a"); err != nil {
		return err
	}
	yes := true
	options := metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan}
	watcher, err := w.dynamic().Watch(w, options)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for _, expected := range []string{"ADDED a", "ADDED b", "BOOKMARK "} {
		select {
		case event := <-watcher.ResultChan():
			object := event.Object.(*unstructured.Unstructured)
			end := object.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"
			seen := fmt.Sprintf("%s %s", event.Type, object.GetName())
			if err := expect(seen == expected && end == (event.Type == watch.Bookmark), "%v", event); err != nil {
				return err
			}
		case <-w.Done():
			return fmt.Errorf("no %s", expected)
		}
	}
	return nil
}
