import { Canvas, useThree } from '@react-three/fiber';
import { useEffect, useMemo, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { httpWeights } from 'tddfa/browser';
import { useFaces } from 'tddfa/react';
import { FaceMesh3D, HeadOccluder, OccluderMaterial, PhotoCamera } from 'tddfa/three';

/** The folder of a pack, beside the page: here public/pack/. */
const weights = httpWeights('pack/');

/** The head of a face, which hides what is behind it; its children are attached to it, in metres. */
function Head({ aligner, live, children }) {
  const { invalidate, set } = useThree();
  const head = useMemo(() => {
    const mesh = new FaceMesh3D(aligner, { material: new OccluderMaterial(), normals: false });
    return mesh.add(new HeadOccluder(aligner));
  }, [aligner]);
  const camera = useMemo(() => new PhotoCamera(640, 480), []);
  useEffect(() => {
    set({ camera });
    live.current = ({ faces, width, height }) => {
      camera.resize(width, height);
      head.update(faces[0]);
      invalidate();
    };
    return () => {
      live.current = undefined;
      head.dispose();
    };
  }, [camera, head, invalidate, live, set]);
  return <primitive object={head}>{children}</primitive>;
}

function App() {
  const video = useRef(null);
  const live = useRef(undefined);
  const [isOn, setOn] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOn((before) => !before)}>
        {isOn ? 'Stop' : 'Use the camera'}
      </button>
      {isOn && <Stage video={video} live={live} />}
    </>
  );
}

function Stage({ video, live }) {
  // Frames go to three.js without re-rendering these components.
  const { aligner, status, error } = useFaces(video, {
    weights,
    camera: true,
    render: false,
    tracker: { maxFaces: 1, smoothing: 'quick' },
    onFaces: (result) => live.current?.(result),
  });
  return (
    <>
      <p role="status">{status === 'failed' ? error.message : status}</p>
      <div className="stage">
        <video ref={video} muted playsInline />
        {aligner && (
          <div>
            <Canvas frameloop="demand" flat resize={{ offsetSize: true }}>
              <Head aligner={aligner} live={live}>
                <mesh position={[0, 0.11, 0]} rotation={[Math.PI / 2, 0, 0]}>
                  <torusGeometry args={[0.08, 0.006]} />
                  <meshBasicMaterial color="#ffcc00" />
                </mesh>
              </Head>
            </Canvas>
          </div>
        )}
      </div>
    </>
  );
}

createRoot(document.getElementById('root')).render(<App />);
